"""The process that sends adverts: one loop that feeds the election and waits for nothing."""
