"""What the jobs of images do, step by step. Every step looks first, so that it may run twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from django.utils.translation import gettext as gettext_now
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.core.errors import OperationFailed
from cloudia.core.policy import ActionDenied, Denial
from cloudia.jobs.operation import Operation, Step
from cloudia.jobs.run import Run
from storage import fetch, image_files, policies, references
from storage.enums import ImageStatus
from storage.models import Image, Upload
from storage.probe import ImageFacts


class ImageOperation(Operation):
    """What all operations on an image share."""

    @cached_property
    def image(self) -> Image:
        """The image, as the database has it at the beginning of this delivery."""
        row = Image.objects.select_related("storage_domain", "project").filter(pk=self.job.target_id).first()
        if row is None:
            raise OperationFailed(_("The image no longer exists."), code="target_gone")
        return row

    def ensure_no_files(self, run: Run) -> None:
        """Delete whatever there is of it."""
        run.note(image_files.remove(self.image))


class FinishImage(ImageOperation):
    """Make an image of the file that has come in."""

    kind = "image.finish"
    label = _("Prepare image")
    transition = _("Preparing")
    transition_code = "importing"
    cancellable = True

    @property
    def steps(self) -> Sequence[Step]:
        """Undone by deleting what there is of it; the last step is the first that lets others see an image."""
        return [
            Step("examine", _("Examine the file"), self._examine, self.ensure_no_files),
            Step("convert", _("Convert the file"), self._convert),
            Step("publish", _("Make it an image"), self._publish),
        ]

    @cached_property
    def upload(self) -> Upload:
        """The file that came in."""
        return Upload.objects.select_related("image__storage_domain").get(image=self.image)

    @property
    def facts(self) -> ImageFacts:
        """What was found out about it."""
        return ImageFacts(**self.job.params["facts"])

    def _examine(self, run: Run) -> None:
        facts = image_files.examine(self.upload, _told(run, self.upload.length_bytes, 0, 50))
        run.write(params={**self.job.params, "facts": image_files.as_json(facts)})
        run.note(f"{facts.format}, {facts.virtual_bytes} bytes, SHA-256 {facts.sha256}")

    def _convert(self, run: Run) -> None:
        run.progress(50)
        run.note(image_files.convert(self.upload, self.facts, run.check_cancelled))

    def _publish(self, run: Run) -> None:
        run.progress(95)
        run.note(image_files.publish(self.upload, self.facts))

    def succeeded(self) -> None:
        """It can be used."""
        image_files.record_ready(self.upload, self.facts)

    def failed(self) -> None:
        """People see why; there is nothing of it."""
        Upload.objects.filter(image=self.job.target_id).delete()
        Image.objects.filter(pk=self.job.target_id).update(status=ImageStatus.FAILED, source_url="", file_bytes=0)

    def reopen(self, actor: Actor) -> None:
        """The file is gone."""
        raise ActionDenied(Denial("bad_state", gettext_now("The file is not kept. Bring the image in again.")))


class ImportImage(FinishImage):
    """The same with a file that is fetched first."""

    kind = "image.import"
    label = _("Import image")
    transition = _("Importing")

    @property
    def steps(self) -> Sequence[Step]:
        """What was fetched is kept while the others are tried again."""
        examine, *others = super().steps
        return [
            Step("fetch", _("Fetch the file"), self._fetch, self.ensure_no_files),
            Step(examine.name, examine.label, examine.do),
            *others,
        ]

    def _fetch(self, run: Run) -> None:
        upload = Upload.objects.filter(image=self.image).first()
        upload = fetch.fetch(self.image, upload, self.job.params["checksum"], _checked(run))
        run.note(f"{upload.length_bytes} bytes")


class DeleteImage(ImageOperation):
    """Delete the file, then the row."""

    kind = "image.delete"
    label = _("Delete image")
    transition = _("Deleting")
    transition_code = "deleting"

    @property
    def steps(self) -> Sequence[Step]:
        """It can't be undone; a failed delete is tried again."""
        return [Step("file", _("Delete the disk"), self.ensure_no_files)]

    def prepare(self) -> None:
        """Something may have begun to use it."""
        if holders := references.holders_of(self.image):
            raise OperationFailed(gettext_now("“%(name)s” uses it.") % {"name": holders[0].name}, code="in_use")

    def succeeded(self) -> None:
        """Only now the row goes, and with it the upload."""
        self.image.delete()

    def failed(self) -> None:
        """Whether there is still a file is not known, once it was tried."""
        if self.job.steps.exists():
            Image.objects.filter(pk=self.job.target_id).update(status=ImageStatus.FAILED)

    def reopen(self, actor: Actor) -> None:
        """Another try is a new request: something may use it by now."""
        policies.DELETE_IMAGE.check(self.image, actor)


def _told(run: Run, total: int, first: int, last: int) -> Callable[[int], None]:
    """Progress from ``first`` to ``last`` percent while bytes up to ``total`` pass; stops when somebody asks for it."""
    shown = -1

    def tell(passed: int) -> None:
        nonlocal shown
        percent = first + (last - first) * passed // total
        if percent != shown:
            shown = percent
            run.progress(percent)
            run.check_cancelled()

    return tell


def _checked(run: Run) -> Callable[[int, int], None]:
    def tell(passed: int, total: int) -> None:
        run.progress(50 * passed // total)
        run.check_cancelled()

    return tell


ALL = (FinishImage, ImportImage, DeleteImage)
