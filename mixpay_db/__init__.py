"""Merged orders, mixed payments and first-in-first-out refunds as a PostgreSQL package."""
