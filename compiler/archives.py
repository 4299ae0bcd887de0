"""Zip archives (``.npz``, ``.skops``) held to limits before anything of them is unpacked."""

import io
import struct
import zipfile

MAX_UNPACKED_BYTES = 2 << 30
"""All files of an archive together, unpacked."""
MAX_DIRECTORY_BYTES = 16 << 20
"""The archive's table of files; one file takes about 100 bytes."""
_END = struct.Struct("<4s4H2LH")  # APPNOTE.TXT 4.3.16, end of central directory record
_END_SIGNATURE, _ZIP64_LOCATOR = b"PK\x05\x06", b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20


def refuse_bombs(data: bytes) -> None:
    """Refuse an archive that would unpack to more than the limits.

    The sizes that it declares are true: ``zipfile`` reads no more than they say.

    Raises:
        ValueError: It would, or it is not an archive at all.
    """
    _refuse_large_directory(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > MAX_UNPACKED_BYTES:
        raise ValueError(f"it unpacks to {unpacked} bytes, limit {MAX_UNPACKED_BYTES}")


def _refuse_large_directory(data: bytes) -> None:
    """Look at the directory's size in the archive's last record, for ``zipfile`` reads all of it at once."""
    end = data.rfind(_END_SIGNATURE)
    if end < 0 or end + _END.size > len(data):
        raise ValueError("it is not a zip archive, or only part of one")
    directory_bytes = _END.unpack_from(data, end)[5]
    is_zip64 = data[max(end - _ZIP64_LOCATOR_BYTES, 0) : end].startswith(_ZIP64_LOCATOR)
    if is_zip64 or directory_bytes > MAX_DIRECTORY_BYTES:
        raise ValueError(f"its table of files has more than {MAX_DIRECTORY_BYTES} bytes")
