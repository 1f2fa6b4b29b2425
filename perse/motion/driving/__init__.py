"""A driving clip becomes controls of an avatar."""
