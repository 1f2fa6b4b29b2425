"""What an attribute does to this person's head: recolouring, reshaping, strands, hair, worn objects, and what the portrait does not allow."""
