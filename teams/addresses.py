"""Mail addresses known to belong to their person.

Without this row allauth takes an address for unproven: it would refuse a second factor, and wipe the password of who
comes in by single sign-on for the first time.
"""

from allauth.account.models import EmailAddress

from teams.models import User


def confirm_address(user: User) -> None:
    """The account's address is its person's: an admin invited it, or whoever runs the installation typed it."""
    EmailAddress.objects.update_or_create(
        user=user, email=user.email.lower(), defaults={"verified": True, "primary": True}
    )
