"""What a person does on the pages by way of Dash, one module for each thing."""
