"""Where photos are kept, as the environment describes it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from feedback.photos.keeping.disk import DiskKeeper
from feedback.photos.keeping.protocol import Keeper
from feedback.photos.keeping.s3.client import S3Keeper
from feedback.photos.keeping.s3.signing import Credentials


class PhotoSettings(BaseSettings):
    """Each field is read from the environment variable of its name in capitals, or from SECRETS_DIR."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    photo_store: Literal["disk", "s3"] = Field("disk", description="where photos are kept")
    photo_dir: Path | None = Field(
        None, description="folder of photos on disk, shared by all processes of feedback; none: no photo is taken"
    )
    photo_s3_endpoint: str = Field(
        "https://s3.amazonaws.com", pattern=r"^https?://[^/\s]+/?$", description="address of the S3 store"
    )
    photo_s3_bucket: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="its bucket")
    photo_s3_region: str = Field("us-east-1", description="the bucket's region")
    photo_s3_access_key: str | None = Field(None, description="key id that may put, get and delete its objects")
    photo_s3_secret_key: SecretStr | None = Field(None, description="its secret")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needed = (self.photo_s3_bucket, self.photo_s3_access_key, self.photo_s3_secret_key)
        if self.photo_store == "s3" and not all(needed):
            raise ValueError("PHOTO_STORE=s3 needs PHOTO_S3_BUCKET, PHOTO_S3_ACCESS_KEY and PHOTO_S3_SECRET_KEY")
        return self

    def opened(self) -> Keeper | None:
        """The keeper; None: no photo is taken."""
        if self.photo_store == "disk":
            return DiskKeeper(self.photo_dir) if self.photo_dir is not None else None
        assert self.photo_s3_bucket is not None
        assert self.photo_s3_access_key is not None
        assert self.photo_s3_secret_key is not None
        who = Credentials(self.photo_s3_access_key, self.photo_s3_secret_key.get_secret_value(), self.photo_s3_region)
        return S3Keeper(self.photo_s3_endpoint, self.photo_s3_bucket, who)
