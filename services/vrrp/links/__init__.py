"""VMACs and ipvlans: which must be there, how they come to be, and how they keep quiet."""
