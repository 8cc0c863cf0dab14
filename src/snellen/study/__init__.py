"""People rank pictures: studies from a folder of pictures to statistics."""
