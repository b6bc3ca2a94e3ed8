import pyarrow as pa
import pytest

from fsqa.data.arrow import array_of, values_of

TEXTS, NUMBERS = pa.string(), pa.int64()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["who", "", "wrote emma"], TEXTS),
        (["où", "", "日本", "\0\n"], TEXTS),
        (["", "", ""], TEXTS),
        ([], TEXTS),
        ([3, -1, 1 << 40], NUMBERS),
        ([("a", "b"), (), ("ç",)], pa.list_(TEXTS)),
        ([(), ("", "")], pa.list_(TEXTS)),
        ([(), ()], pa.list_(TEXTS)),
        ([], pa.list_(TEXTS)),
        ([(0, 3), (), (1,)], pa.list_(NUMBERS)),
    ],
)
def test_arrays_are_those_of_pyarrow(values, kind):
    array = array_of(values, kind)
    array.validate(full=True)
    assert array.type == kind
    assert array.equals(pa.array(values, kind))
    assert list(values_of(array)) == values
    assert list(values_of(pa.array(values, kind))) == values


def test_half_a_character_is_refused():
    with pytest.raises(UnicodeEncodeError):
        array_of(["\ud800"], TEXTS)


def test_what_is_stored_is_what_pyarrow_would_store():
    schema = pa.schema([("text", TEXTS), ("many", pa.list_(TEXTS)), ("numbers", pa.list_(NUMBERS))])
    columns = {"text": ["a", "é"], "many": [(), ("x", "yz")], "numbers": [(1,), (2, 3)]}
    ours = pa.RecordBatch.from_arrays([array_of(columns[field.name], field.type) for field in schema], schema=schema)
    assert ours.serialize().to_pybytes() == pa.RecordBatch.from_pydict(columns, schema).serialize().to_pybytes()
