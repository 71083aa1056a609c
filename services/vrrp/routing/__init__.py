"""Routes and rules: iproute2's grammar, who has which, and rtnetlink."""
