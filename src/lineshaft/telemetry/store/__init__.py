"""Holds samples, rollups and positions in ClickHouse: embedded (chDB) or a server, by one URL."""
