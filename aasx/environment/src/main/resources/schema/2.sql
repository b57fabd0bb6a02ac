-- What $value tells of a whole element; NULL where that must be made of its json each time.
ALTER TABLE element ADD COLUMN value_only TEXT
