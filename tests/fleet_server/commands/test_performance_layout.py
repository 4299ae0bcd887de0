"""How performance is laid out for people."""

from fleet_server.commands.performance import record_of


def test_a_report_is_a_record_of_tables() -> None:
    figure = {"value": 0.75, "low": 0.6, "high": 0.9}
    record = record_of(
        {
            "rows": 100,
            "labelled": 4,
            "unit": "",
            "labels": ["no", "yes"],
            "confusion": [[1.0, 0.0], [1.0, 2.0]],
            "classes": [
                {"label": "no", "recall": figure, "precision": None, "auc": None},
                {"label": "yes", "recall": None, "precision": figure, "auc": figure},
            ],
            "calibration": [[0.6, 0.5, 4.0]],
        }
    )
    assert record["confusion"][1] == {"label": "yes", "told no": 1.0, "told yes": 2.0}
    assert record["classes"][0] == {"label": "no", "recall": 0.75, "precision": None, "auc": None}
    assert record["calibration"] == [{"mean_probability": 0.6, "share_of_hits": 0.5, "weight": 4.0}]
