"""Certification: does every metric obey its laws here, and how does it answer to known distortions of your clips?"""

from vid_diffusion_bench.certification.certificate import Certificate, MetricCertificate
from vid_diffusion_bench.certification.certify import certify
from vid_diffusion_bench.certification.specimens import Specimens, folder_specimens, world_specimens

__all__ = ["Certificate", "MetricCertificate", "Specimens", "certify", "folder_specimens", "world_specimens"]
