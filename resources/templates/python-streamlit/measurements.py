from pathlib import Path

import pandas as pd

FILE = Path(__file__).parent / "data" / "measurements.csv"


def load(file: Path = FILE) -> pd.DataFrame:
    """All measurements: station, month, and temperature in degrees Celsius."""
    return pd.read_csv(file, parse_dates=["month"])


def monthly(data: pd.DataFrame) -> pd.DataFrame:
    """One column of temperatures for each station, one row for each month."""
    return data.pivot_table(index="month", columns="station", values="temperature")
