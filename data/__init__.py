"""Posts, clips and the matrix: reading, checking, decoding and keeping them."""
