"""What may be believed of the photo: which surface it shows at each texel and at each pixel, and how far, by ordered lists of small rules.

All of it on one view of the rig (`texture.view`). `texels`: how far the photo is believed at each texel of the atlas.
`surfaces`: which triangle carries each pixel of the photo. `pixels`: how far what a pixel shows is believed to be of that triangle.
"""
