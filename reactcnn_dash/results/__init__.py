"""What is worked out from a store and kept in it; knows neither Flask nor Dash."""
