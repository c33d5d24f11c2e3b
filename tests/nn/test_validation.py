import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError, DataError, DtypeError, ShapeError

NET = wg.Network([2, 3, 3])
X, LABELS = np.arange(8.0).reshape(4, 2), np.array([0, 1, 2, 1])


def fit(X=X, Y=LABELS, **how):
    return wg.Network([2, 3, 3]).fit(X, Y, **dict(epochs=1, progress=False) | how)


def with_number(array, place, number):
    array = array.copy()
    array[place] = number
    return array


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: fit(X=np.ones((4, 3))), ShapeError,
     r"X has shape \(4, 3\); layer 0 needs \(examples, 2\).*W\^1 has shape \(3, 2\)"),
    (lambda: fit(X=np.ones((4, 1, 2))), ShapeError, r"X\.reshape\(len\(X\), 2\)"),
    (lambda: fit(X=np.ones((2, 4))), ShapeError, r"try:   X\.T"),
    (lambda: fit(X=np.ones((0, 2)), Y=[]), DataError, "X is empty"),
    (lambda: fit(X=[[1, 2], [3]]), ShapeError, "rows differ in length"),
    (lambda: fit(Y=[0, 1]), ShapeError, "X has 4 rows and Y has 2"),
    (lambda: fit(Y=[0, 1, 2, 3]), DataError, "label 3 in row 3 is outside 0 to 2"),
    (lambda: fit(Y=[0, -1, 2, 1]), DataError, "label -1 in row 1"),
    (lambda: fit(Y=[0.0, 1.0, 2.0, 1.0]), ShapeError, r"Y\.astype\(int\)"),
    (lambda: fit(Y=LABELS[:, None]), ShapeError, r"Y\.ravel\(\)"),
    (lambda: fit(Y=np.ones((4, 2))), ShapeError, r"Y has shape \(4, 2\).*output layer has 3"),
    (lambda: fit(X=with_number(X, (2, 1), np.nan)), DataError, "X holds nan in row 2, column 1"),
    (lambda: fit(X=with_number(X, (1, 0), -np.inf)), DataError, "X holds -inf in row 1, column 0"),
    (lambda: fit(X=with_number(X, (3, 0), 1e300)), DataError, "row 3, column 0\n.*\n.*too large for float32"),
    (lambda: fit(Y=with_number(np.eye(4, 3), (0, 2), np.nan)), DataError, "Y holds nan in row 0, column 2"),
    (lambda: fit(validation=(X, [0, 1, 2, 9])), DataError, "Yv: label 9 in row 3"),
    (lambda: fit(validation=X), ArgumentError, "validation is a ndarray, not a pair"),
    (lambda: fit(batch_size=5), ArgumentError, r"batch_size=5 is more than the 4 example\(s\)"),
    (lambda: fit(batch_size=0), ArgumentError, "batch_size=0 is not a whole number"),
    (lambda: fit(epochs=0), ArgumentError, "epochs=0 is not a whole number of at least 1"),
    (lambda: fit(epochs=1.5), ArgumentError, "epochs=1.5"),
    (lambda: fit(learning_rate=0), ArgumentError, "learning_rate=0 is not a number above 0"),
    (lambda: fit(learning_rate=np.nan), ArgumentError, "learning_rate=nan"),
    (lambda: fit(learning_rate="fast"), ArgumentError, "learning_rate='fast'"),
    (lambda: fit(l2=-1), ArgumentError, "l2=-1"),
    (lambda: fit(dropout=1.0), ArgumentError, "dropout=1.0"),
    (lambda: fit(dropout=[0.1, 0.2]), ArgumentError, r"2 number\(s\) for 1 hidden layer"),
    (lambda: fit(clip_norm=0), ArgumentError, "clip_norm=0"),
    (lambda: fit(optimizer="adm"), ArgumentError, "try:   optimizer='adam'"),
    (lambda: fit(optimizer=wg.optimizers.adam), ArgumentError, r"optimizer=adam\(\)"),
    (lambda: fit(schedule=3), ArgumentError, "schedule=3"),
    (lambda: fit(early_stopping=3), ArgumentError, "early stopping without validation data"),
    (lambda: fit(backend="torch"), ArgumentError, "backend 'torch' is not known\n.*\n.*auto, numpy, native"),
    (lambda: NET.accuracy(X, [0, 1, 2]), ShapeError, r"4 example\(s\), and labels has 3"),
    (lambda: NET.accuracy(X, [0, 1, 2, 3]), DataError, "label 3 in row 3"),
    (lambda: NET.accuracy(X, [0.5, 1, 2, 2]), DataError, "are not labels"),
    (lambda: NET.predict([]), ShapeError, r"shape \(0,\)"),
    (lambda: NET.predict(5.0), ShapeError, r"shape \(\)"),
])
def test_bad_input_has_its_one_error_that_names_the_users_line(call, error, message):
    with pytest.raises(error, match=f"(?s){message}") as caught:
        call()
    assert "test_validation.py" in caught.value.where
    assert not [line for line in caught.traceback if "src/whygrad" in str(line.path)]


def test_refused_data_leave_the_network_as_it_was():
    net = wg.Network([2, 3, 3])
    before = [W.copy() for W in net.weights]
    with pytest.raises(DataError):
        net.fit(X, [0, 1, 2, 7])
    assert all(np.array_equal(W, old) for W, old in zip(net.weights, before, strict=True))


def test_targets_outside_a_costs_meaning_are_refused():
    with pytest.raises(DataError, match=r"between 0 and 1"):
        wg.Network([2, 3], cost="cross_entropy").fit(X, with_number(np.eye(4, 3), (1, 2), 2.0))
    with pytest.raises(DataError, match=r"row 3 of Y adds up to 0\.0"):
        wg.Network([2, 3], cost="softmax_cross_entropy").fit(X, np.eye(4, 3))


def test_weights_that_are_not_finite_are_named_before_training():
    net = wg.Network([2, 3, 3])
    net.weights[1][2, 0] = np.nan
    with pytest.raises(DataError, match=r"W\^2 holds nan at \(2, 0\)"):
        net.fit(X, LABELS)


def test_the_smallest_cases_train():
    assert len(wg.Network([1, 1]).fit([[1.0]], [[0.5]], epochs=2, progress=False)) == 2
    assert len(wg.Network([1, 1]).fit([1.0], [0.5], epochs=2, progress=False)) == 2
    assert len(fit(X=X[0], Y=LABELS[:1])) == 1
    assert len(fit(X=X[0], Y=[0.0, 1.0, 0.0])) == 1
    assert len(fit(X=X.tolist(), Y=LABELS.tolist())) == 1


def test_labels_one_hot_rows_and_booleans_mean_the_same():
    forms = (LABELS, np.eye(3)[LABELS], np.eye(3, dtype=bool)[LABELS], LABELS.astype(np.uint8))
    assert len({NET.cost_of(X, Y) for Y in forms}) == 1


def test_whole_number_images_are_accepted_as_inputs():
    assert NET.predict(X.astype(np.uint8)).tolist() == NET.predict(X).tolist()


def test_accuracy_is_left_out_where_targets_are_not_classes():
    assert fit(Y=np.full((4, 3), 0.5)).accuracy == (None,)
    assert fit(Y=LABELS).accuracy[0] is not None


def test_a_list_of_numbers_is_shown_how_to_become_rows():
    with pytest.raises(ShapeError, match=r"X\[:, None\] makes a column"):
        wg.Network([1, 2, 1]).fit(np.arange(5.0), np.arange(5.0), epochs=1, progress=False)


def test_classes_by_name_are_shown_how_to_become_numbers():
    with pytest.raises(DtypeError, match=r"np\.unique\(Y, return_inverse=True\)\[1\]"):
        wg.Network([1, 2, 2]).fit(np.ones((2, 1)), np.array(["cat", "dog"]), epochs=1, progress=False)
