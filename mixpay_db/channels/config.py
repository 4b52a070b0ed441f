"""The configuration of `mixpay dispatch`: a TOML file with a table for each channel.

[channels.wechat]
adapter = "http"
url = "https://pay.example/refunds"
secret_env = "WECHAT_SECRET"    # or secret_file = "/run/secrets/wechat"
timeout = 5

[channels.cash]
adapter = "manual"
"""

import inspect
import os
import tomllib
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, get_type_hints

from mixpay_db.channels import GROUP, Adapter
from mixpay_db.problem import Problem


def load_channels(path: Path, environ: Mapping[str, str] = os.environ) -> dict[str, Adapter]:
    """The adapter of each channel that the file names."""
    try:
        config = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise Problem(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise Problem(f"{path} is not TOML: {error}") from error
    channels = config.pop("channels", {})
    if config:
        raise Problem(f"{path}: unknown key {_listed(config)}", "The only one is channels.")
    if not (isinstance(channels, dict) and channels):
        raise Problem(f"{path} names no channel", 'Add [channels.NAME] with adapter = "…".')
    return {
        name: _make(f"{path}: channels.{name}", table, path.parent, environ)
        for name, table in channels.items()
    }


def _make(where: str, table: Any, folder: Path, environ: Mapping[str, str]) -> Adapter:
    if not isinstance(table, dict):
        raise Problem(f"{where} is no table")
    options = dict(table)
    factory = _adapter(where, options.pop("adapter", None))
    parameters = inspect.signature(factory).parameters
    if "secret" in options:
        raise Problem(
            f"{where}: a secret does not belong into this file", "Name secret_env or secret_file."
        )
    if "secret" in parameters:
        secret = _secret(where, options, folder, environ)
        if secret is not None:
            options["secret"] = secret
        elif parameters["secret"].default is inspect.Parameter.empty:
            raise Problem(f"{where} has no secret", "Name secret_env or secret_file.")
    hints = _hints(factory)
    known = [name for name in parameters if name != "secret"]
    for name, value in options.items():
        if name not in parameters:
            keys = ["adapter", *(["secret_env", "secret_file"] if "secret" in parameters else [])]
            raise Problem(f"{where}: unknown key {name}", f"Known are {_listed([*keys, *known])}.")
        options[name] = _value(where, name, value, hints.get(name))
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty and name not in options
    ]
    if missing:
        raise Problem(f"{where} lacks {_listed(missing)}")
    try:
        adapter: Adapter = factory(**options)
    except Problem as problem:
        raise Problem(f"{where}: {problem}", problem.hint) from problem
    return adapter


def _adapter(where: str, name: Any) -> Any:
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    hint = f"There are {_listed(sorted(found))}; other packages bring more."
    if name is None:
        raise Problem(f"{where} names no adapter", hint)
    if not isinstance(name, str) or name not in found:
        raise Problem(f"{where}: there is no adapter {name!r}", hint)
    try:
        return found[name].load()
    except (ImportError, AttributeError) as error:
        raise Problem(f"{where}: adapter {name} cannot be loaded: {error}") from error


def _secret(
    where: str, options: dict[str, Any], folder: Path, environ: Mapping[str, str]
) -> bytes | None:
    """Read where the file says that it is: it is never in the file or in a command line itself."""
    variable, file = options.pop("secret_env", None), options.pop("secret_file", None)
    if variable is not None and file is not None:
        raise Problem(f"{where} names both secret_env and secret_file", "Name one of them.")
    if not all(name is None or isinstance(name, str) for name in (variable, file)):
        raise Problem(f"{where}: secret_env and secret_file are names", "Write them as texts.")
    if variable is not None:
        if not environ.get(str(variable)):
            raise Problem(f"{where}: the environment has no {variable}")
        return os.fsencode(environ[str(variable)])
    if file is None:
        return None
    try:
        # As files are written, its last line ends; the secret does not contain that.
        secret = (folder / str(file)).read_bytes().rstrip(b"\r\n")
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise Problem(f"{where}: cannot read secret_file {file}: {what}") from error
    if not secret:
        raise Problem(f"{where}: secret_file {file} is empty")
    return secret


def _hints(factory: Any) -> dict[str, Any]:
    try:
        return get_type_hints(factory.__init__ if inspect.isclass(factory) else factory)
    except NameError:
        # Some are for type checkers alone; then the adapter has to look for itself.
        return {}


def _value(where: str, name: str, value: Any, wanted: Any) -> Any:
    """As the adapter wants it; what it does not tell is left to the adapter."""
    if wanted is float and type(value) is int:
        return float(value)
    if wanted in (str, int, float, bool) and type(value) is not wanted:
        raise Problem(f"{where}: {name} is {value!r}, which is no {wanted.__name__}")
    return value


def _listed(names: Any) -> str:
    return ", ".join(names)
