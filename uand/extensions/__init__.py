"""What follows from the layer of the first six chapters: one module a page of chapter 7."""
