import subprocess
import sys

PROGRAM = """
import sys
import compiler.frontends.pickle_file

assert "sklearn.utils.fixes" in sys.modules
assert "pandas" not in sys.modules

import pandas
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import StandardScaler

frame = pandas.DataFrame({"speed": [1.0, 2.0, 3.0], "wind": [5.0, 7.0, 9.0]})
fitted = ColumnTransformer([("scaled", StandardScaler(), ["wind"])]).set_output(transform="pandas").fit(frame)
print(list(fitted.transform(frame).columns), list(fitted.feature_names_in_))
"""


def test_frames_work_although_scikit_learn_was_imported_without_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["['scaled__wind']", "['speed',", "'wind']"]
