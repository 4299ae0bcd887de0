"""Estimators that are composed of others, for the coverage page."""

from sklearn import (
    calibration,
    clone,
    cluster,
    compose,
    decomposition,
    ensemble,
    frozen,
    gaussian_process,
    impute,
    kernel_approximation,
    linear_model,
    model_selection,
    multiclass,
    multioutput,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    random_projection,
    svm,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  (makes them importable)
from sklearn.feature_selection import SelectFromModel

from tests.compiler.coverage.case import Case
from tests.compiler.coverage.data import data_set

_LOGISTIC = linear_model.LogisticRegression()


def compositions() -> dict[str, Case]:
    """Return the compositions by the name in the page."""
    trees = ensemble.RandomForestClassifier(3, random_state=0)
    scaled = pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression())
    mixed = compose.make_column_transformer(
        (preprocessing.OneHotEncoder(handle_unknown="ignore"), [0, 1]),
        (preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), [2]),
        remainder=preprocessing.StandardScaler(),
    )
    filled = impute.SimpleImputer(strategy="median", add_indicator=True)
    numbers = data_set("numbers", "classes")
    frozen_model = frozen.FrozenEstimator(clone(_LOGISTIC).fit(numbers.rows, numbers.target))
    thirds = {"cv": 3}
    grid = {"C": [0.1, 1.0]}
    return {
        name: Case(estimator, "composition", rows, target)
        for name, (estimator, rows, target) in {
            "Pipeline": (scaled, "numbers", "classes"),
            "FrozenEstimator": (frozen_model, "numbers", "classes"),
            "GridSearchCV": (model_selection.GridSearchCV(_LOGISTIC, grid, **thirds), "numbers", "classes"),
            "RandomizedSearchCV": (
                model_selection.RandomizedSearchCV(_LOGISTIC, grid, n_iter=1, random_state=0, **thirds),
                "numbers",
                "classes",
            ),
            "HalvingGridSearchCV": (
                model_selection.HalvingGridSearchCV(_LOGISTIC, grid, random_state=0, **thirds),
                "numbers",
                "classes",
            ),
            "mixed columns > LogisticRegression": (
                pipeline.make_pipeline(mixed, linear_model.LogisticRegression()),
                "categories",
                "classes",
            ),
            "SimpleImputer > HistGradientBoostingClassifier": (
                pipeline.make_pipeline(filled, ensemble.HistGradientBoostingClassifier(max_iter=4)),
                "missing",
                "classes",
            ),
            "PCA > RandomForestClassifier": (
                pipeline.make_pipeline(decomposition.PCA(3), trees),
                "numbers",
                "classes",
            ),
            "PCA > HistGradientBoostingRegressor": (
                pipeline.make_pipeline(decomposition.PCA(3), ensemble.HistGradientBoostingRegressor(max_iter=4)),
                "numbers",
                "value",
            ),
            "PolynomialFeatures > Ridge": (
                pipeline.make_pipeline(preprocessing.PolynomialFeatures(3), linear_model.Ridge()),
                "numbers",
                "value",
            ),
            "SelectFromModel > SVC": (
                pipeline.make_pipeline(SelectFromModel(trees), svm.SVC()),
                "numbers",
                "classes",
            ),
            "SVC with probabilities, isotonic": (
                calibration.CalibratedClassifierCV(svm.SVC(), method="isotonic", cv=3),
                "numbers",
                "classes",
            ),
            "OneVsRestClassifier of forests": (multiclass.OneVsRestClassifier(trees), "numbers", "classes"),
            "AdaBoostClassifier of LogisticRegression": (
                ensemble.AdaBoostClassifier(_LOGISTIC, n_estimators=4, random_state=0),
                "numbers",
                "classes",
            ),
            "BaggingRegressor of KNeighborsRegressor": (
                ensemble.BaggingRegressor(neighbors.KNeighborsRegressor(), n_estimators=3, random_state=0),
                "numbers",
                "value",
            ),
            "StackingClassifier over a FeatureUnion": (
                ensemble.StackingClassifier(
                    [
                        (
                            "union",
                            pipeline.make_pipeline(
                                pipeline.make_union(decomposition.PCA(2), preprocessing.SplineTransformer(n_knots=4)),
                                linear_model.LogisticRegression(),
                            ),
                        ),
                        ("network", neural_network.MLPClassifier((5,), max_iter=20, random_state=0)),
                    ],
                    passthrough=True,
                    cv=3,
                ),
                "numbers",
                "classes",
            ),
            "Nystroem > SGDClassifier": (
                pipeline.make_pipeline(
                    kernel_approximation.Nystroem(n_components=10, random_state=0),
                    linear_model.SGDClassifier(loss="log_loss", random_state=0),
                ),
                "numbers",
                "classes",
            ),
            "GaussianProcessRegressor, scaled": (
                pipeline.make_pipeline(preprocessing.StandardScaler(), gaussian_process.GaussianProcessRegressor()),
                "numbers",
                "value",
            ),
            "random projection > KMeans": (
                pipeline.make_pipeline(
                    random_projection.GaussianRandomProjection(3, random_state=0),
                    cluster.KMeans(3, n_init=1, random_state=0),
                ),
                "numbers",
                "classes",
            ),
            "MultiOutputRegressor of trees": (
                multioutput.MultiOutputRegressor(ensemble.ExtraTreesRegressor(3, random_state=0)),
                "numbers",
                "several values",
            ),
        }.items()
    }
