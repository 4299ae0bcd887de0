"""The pages of the formats name every topic, message and field that the code has."""

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import yaml

from device_contract import topics
from device_contract.messages import Message
from device_contract.topics import DownKind, UpKind
from tests.device_contract.message_examples import EXAMPLES

FORMATS = Path(__file__).resolve().parent.parent.parent / "docs" / "formats"
KINDS = (*get_args(UpKind), *get_args(DownKind))


@pytest.fixture(scope="module")
def asyncapi() -> Any:
    return yaml.safe_load((FORMATS / "asyncapi.yaml").read_text())


def payload(message_type: type[Message]) -> dict[str, Any]:
    """The JSON schema of a message, its places titled with the names of the fields."""
    _, definitions = msgspec.json.schema_components([message_type], ref_template="{name}")
    info = msgspec.inspect.type_info(message_type)
    assert isinstance(info, msgspec.inspect.StructType)
    for struct in (info, *_nested(info)):
        places = definitions[struct.cls.__name__]["prefixItems"]
        definitions[struct.cls.__name__]["prefixItems"] = list(map(_told, struct.fields, places))
    whole = _inlined({"$ref": message_type.__name__}, definitions)
    titled = [{"title": field.name} | place for field, place in zip(info.fields, whole["prefixItems"], strict=True)]
    return whole | {"prefixItems": titled}


def _nested(info: msgspec.inspect.StructType) -> list[msgspec.inspect.StructType]:
    """The structs of which a field holds several."""
    items = [getattr(field.type, "item_type", None) for field in info.fields]
    return [item for item in items if isinstance(item, msgspec.inspect.StructType)]


def _told(field: msgspec.inspect.Field, place: dict[str, Any]) -> dict[str, Any]:
    """MessagePack has bytes, where msgspec's schema tells of JSON and base64."""
    if not isinstance(field.type, msgspec.inspect.BytesType):
        return place
    default = {"default": place["default"]} if "default" in place else {}
    return {"type": "string", "format": "binary", "maxLength": field.type.max_length} | default


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(part, definitions) for part in node]
    if isinstance(node, str):
        return node.replace("\\Z", "$")  # the end of the text, in Python's and in JSON Schema's spelling
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        part = definitions[node["$ref"]]
        return _inlined({key: part[key] for key in ("type", "prefixItems", "minItems")}, definitions)
    return {key: _inlined(part, definitions) for key, part in node.items()}


def test_every_topic_is_a_channel_with_its_message(asyncapi: Any) -> None:
    assert set(asyncapi["channels"]) == set(KINDS) == set(EXAMPLES)
    for kind, channel in asyncapi["channels"].items():
        direction = "up" if kind in get_args(UpKind) else "down"
        assert channel["address"] == f"{topics.PREFIX}/{{device_id}}/{direction}/{kind}"
        name = type(EXAMPLES[kind]).__name__
        assert channel["messages"] == {name: {"$ref": f"#/components/messages/{name}"}}


def test_every_topic_has_the_operation_of_the_device(asyncapi: Any) -> None:
    actions = {item["channel"]["$ref"].rpartition("/")[2]: item["action"] for item in asyncapi["operations"].values()}
    assert actions == dict.fromkeys(get_args(UpKind), "send") | dict.fromkeys(get_args(DownKind), "receive")


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_has_the_fields_and_limits_of_its_struct(asyncapi: Any, kind: str) -> None:
    message_type = type(EXAMPLES[kind])
    documented = asyncapi["components"]["messages"][message_type.__name__]
    expected = payload(message_type)
    assert documented["payload"]["minItems"] == expected["minItems"]
    assert documented["payload"]["prefixItems"] == expected["prefixItems"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_has_a_line_for_each_field_and_topic(kind: str) -> None:
    page = (FORMATS / "messages.md").read_text()
    message_type = type(EXAMPLES[kind])
    section = page.partition(f"### {message_type.__name__}\n")[2].partition("\n##")[0]
    for place, name in enumerate(message_type.__struct_fields__):
        assert f"| {place} | `{name}` |" in section
    assert f"/{kind}` | `{message_type.__name__}` |" in page
