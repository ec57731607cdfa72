"""The database's versions, oldest first; a version that was released is never changed."""
