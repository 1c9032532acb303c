"""Versions of installed packages."""

from importlib.metadata import PackageNotFoundError, packages_distributions, version


def package_version(name: str) -> str | None:
    """The version of the distribution that a module comes from; None where it comes from none."""
    top = name.partition(".")[0]
    try:
        return version(packages_distributions().get(top, [top])[0])
    except PackageNotFoundError:
        return None
