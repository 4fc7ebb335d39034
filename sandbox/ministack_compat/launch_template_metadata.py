"""Gap: DescribeLaunchTemplateVersions adds a State to the MetadataOptions that were sent.

amazon.aws.ec2_launch_template compares what was sent with what is returned and adds a version at every run.
"""

from __future__ import annotations

from typing import Any

from ministack.services import ec2

ADDED = "<metadataOptions><state>applied</state>"


def apply() -> None:
    plain = ec2._lt_data_xml

    def data_xml(data: dict[str, Any]) -> str:
        return str(plain(data)).replace(ADDED, "<metadataOptions>")

    ec2._lt_data_xml = data_xml
