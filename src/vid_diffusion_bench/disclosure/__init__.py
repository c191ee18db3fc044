"""Disclosure: a run packed so that a third party can check it, and the check."""

from vid_diffusion_bench.disclosure.bundle import Bundle, bundle
from vid_diffusion_bench.disclosure.verification import Check, Difference, Verification
from vid_diffusion_bench.disclosure.verify import verify

__all__ = ["Bundle", "Check", "Difference", "Verification", "bundle", "verify"]
