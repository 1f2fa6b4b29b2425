"""A face through time: landmarks of every frame, and the pose, expression and light that explain them."""
