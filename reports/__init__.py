"""Reports: what modeling returned, as values, figures and one self-contained page."""
