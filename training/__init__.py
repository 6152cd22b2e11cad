"""Makes the models that nodes run."""

import edge  # noqa: F401  before onnxruntime, whose reports to Microsoft it switches off
