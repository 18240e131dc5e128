"""The single record of the installation: its name, owner and settings."""

from datetime import timedelta

from bson import ObjectId
from mongoengine import BooleanField, DateTimeField, Document, ObjectIdField, StringField
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from chat.models import base
from chat.models.user import User

CLAIM_SECONDS = 60


class Site(Document):
    """``owner`` is chosen when set-up is claimed; set-up is done once that person is stored.

    ``locale`` is the language in which that was done.
    """

    id = StringField(primary_key=True, default="site")
    name = StringField(required=True)
    open_registration = BooleanField(default=False)
    owner = ObjectIdField(required=True)
    locale = StringField()
    claimed_at = DateTimeField(default=base.now)

    meta = {"collection": "site", "auto_create_index": False}

    @classmethod
    def raw(cls) -> dict | None:
        """The stored record, or None before set-up."""
        return cls._get_collection().find_one({"_id": "site"})

    @classmethod
    def with_owner(cls) -> dict | None:
        """The stored record if its owner exists: the set-up was claimed and finished."""
        found = cls._get_collection().aggregate([{"$match": {"_id": "site"}}, _OWNERS])
        row = next(found, None)
        return row if row and row["owners"] else None

    @classmethod
    def is_set_up(cls) -> bool:
        """Whether the first account exists."""
        return cls.with_owner() is not None

    @classmethod
    def claim(cls, name: str, locale: str = "") -> ObjectId | None:
        """Take the right to set up; the new owner's id, or None if somebody else has it.

        Of any number of simultaneous callers one wins. A claim whose holder died before the
        owner was stored can be taken over after CLAIM_SECONDS.
        """
        owner, moment = ObjectId(), base.now()
        fresh = {"name": name, "owner": owner, "locale": locale, "claimed_at": moment,
                 "open_registration": False}  # fmt: skip
        collection = cls._get_collection()
        try:
            collection.insert_one({"_id": "site", **fresh})
            return owner
        except DuplicateKeyError:
            if cls.is_set_up():
                return None
        stale = {"_id": "site", "claimed_at": {"$lt": moment - timedelta(seconds=CLAIM_SECONDS)}}
        taken = collection.find_one_and_update(
            stale, {"$set": fresh}, return_document=ReturnDocument.AFTER
        )
        return owner if taken else None

    @classmethod
    def release(cls, owner: ObjectId) -> None:
        """Give up a claim whose set-up failed, so that the next try need not wait."""
        cls._get_collection().delete_one({"_id": "site", "owner": owner})


_OWNERS = {
    "$lookup": {
        "from": User._get_collection_name(),
        "localField": "owner",
        "foreignField": "_id",
        "pipeline": [{"$project": {"_id": 1}}],
        "as": "owners",
    }
}
