"""`serdab doctor`: looks at a home and the machine under it, changes nothing, and says what to do."""

from serdab.app.doctor.examining import examine
from serdab.app.doctor.findings import Examination, Finding, Verdict

__all__ = ["Examination", "Finding", "Verdict", "examine"]
