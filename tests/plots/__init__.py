"""Pictures: the numbers behind them, and what is drawn."""
