"""The portrait unrolled over the rig: one atlas, what of it is seen and how far it is believed, and the completion of the rest."""
