"""Chapter 7: what follows from the universal AND layer, one module for each page."""
