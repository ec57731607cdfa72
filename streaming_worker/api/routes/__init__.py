"""One router per screen; handlers parse, authorise, delegate and serialise."""
