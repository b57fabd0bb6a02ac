"""Services as one unit: started in order, watched, restarted when they die or hang, stopped in reverse order."""
