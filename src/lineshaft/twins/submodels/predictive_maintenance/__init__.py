"""Writes and reads forecasts of remaining life, and raises their alerts (IDTA 02048-1-0)."""

from .forecast import Alert, Condition, Forecast, alert_of, as_submodel, forecast_of, with_alert

__all__ = ["Alert", "Condition", "Forecast", "alert_of", "as_submodel", "forecast_of", "with_alert"]
