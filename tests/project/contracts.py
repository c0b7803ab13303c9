"""Which packages may a package import at all? A contract type for import-linter, named in setup.cfg."""

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

Line = tuple[str, str, int | None]
"""Importer, imported, line number."""


class AllowedContract(Contract):
    """Direct imports of `source_package` stay within itself, the standard library and `allowed_packages`.

    import-linter's own contracts forbid what they name; this one forbids what it does not name.
    """

    type_name = "allowed"

    source_package = fields.ModuleField()
    allowed_packages = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        allowed = {self.source_package.name, *self.allowed_packages, *sys.stdlib_module_names}
        broken = sorted(
            (importer, imported, detail["line_number"])
            for importer in ({self.source_package.name} | graph.find_descendants(self.source_package.name))
            for imported in graph.find_modules_directly_imported_by(importer)
            if imported.partition(".")[0] not in allowed
            for detail in graph.get_import_details(importer=importer, imported=imported)
        )
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        broken: list[Line] = check.metadata["broken"]
        for importer, imported, line in broken:
            output.print_error(f"{importer} (l.{line}) imports {imported}, which is not allowed.", bold=False)
