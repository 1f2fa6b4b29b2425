"""What the portrait hides is made up, part by part: from the twin side, from what lies around it, or painted."""
