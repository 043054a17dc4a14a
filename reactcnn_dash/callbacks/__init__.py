"""What a person does on the page, one module for each thing."""
