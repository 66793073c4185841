import os

import psycopg

TABLE = """
CREATE TABLE IF NOT EXISTS entries (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  text TEXT NOT NULL,
  made TIMESTAMPTZ NOT NULL DEFAULT now()
)
"""


def connect() -> psycopg.Connection:
    """A connection to the database that DATABASE_URL names, which has the table then."""
    connection = psycopg.connect(os.environ["DATABASE_URL"])
    connection.execute(TABLE)
    return connection


def add(text: str) -> None:
    with connect() as connection:
        connection.execute("INSERT INTO entries (text) VALUES (%s)", (text,))


def entries() -> list[tuple]:
    """Text and time of the latest entries, the newest first."""
    with connect() as connection:
        return connection.execute("SELECT text, made FROM entries ORDER BY id DESC LIMIT 50").fetchall()
