"""Refuses new passwords that an attacker would try first.

This does not measure strength. Common words, sequences, repetitions and names are removed from the
password. If too little is left, the password is refused with the reason.
"""

from itertools import groupby

from flask_babel import lazy_gettext as _l

from chat.errors import Invalid
from chat.text import validate

ENOUGH = 4  # characters that must be left
FREE_DIGITS, FREE_SIGNS = 4, 3  # so many digits and signs do not count: a year, some "!"
RUN = 4  # so many neighbouring characters in a row are a sequence
SHORTEST_NAME = 3

_COMMON = """
    password passwort passwd pass secret login admin administrator root user guest test changeme
    default letmein welcome master monkey dragon shadow sunshine princess football baseball soccer
    hockey superman batman iloveyou trustno michael jennifer jordan charlie thomas george andrew
    summer winter spring autumn january february december november qwe asd zxc qaz wsx hello hallo
    whatever freedom starwars computer internet google facebook microsoft samsung apple company
    office server chat team work access temp temporary private love money cookie pepper ginger
    flower cheese killer pokemon naruto mustang ferrari mercedes chelsea liverpool arsenal barcelona
    пароль парол секрет привет админ администратор пользователь гость тест любовь солнце мама папа
    наташа андрей сергей александр дмитрий алексей максим марина светлана екатерина россия москва
    спартак зенит динамо котик зайка лапочка работа компания офис сервер чат команда доступ вход
    лето зима весна осень январь февраль декабрь ноябрь йцу фыв ячс
    gfhjkm ghbdtn gfhjk ktnj pbvf djcyf vfif yfnfif fylhtq cthutq rjvgfybz ljcneg flvby
    parol privet lubov solnce natasha andrey sergey alexander dmitry maxim marina russia moskva
    spartak zenit
"""
WORDS = sorted(_COMMON.split(), key=len, reverse=True)
_KEYS = """
    01234567890 abcdefghijklmnopqrstuvwxyz абвгдежзийклмнопрстуфхцчшщъыьэюя абвгдеёжзийклмн
    qwertyuiop[] asdfghjkl;' zxcvbnm,./ йцукенгшщзхъ фывапролджэ ячсмитьбю.
    1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p qazwsxedcrfvtgbyhnujmikolp qweasdzxc
    1q2w3e4r5t6y7u8i9o0p q1w2e3r4t5y6u7i8o9p0 1й2ц3у4к5е6н7г8ш9щ0з йфяцычувскамепинртгоьшлбщдюзжхэъ
    !@#$%^&*()_+ !"№;%:?*()_+
"""
_ROWS = _KEYS.split()
_RUNS = frozenset(
    row[at : at + RUN]
    for each in _ROWS
    for row in (each, each[::-1])
    for at in range(len(row) - RUN + 1)
)
_LOOKS_LIKE = str.maketrans("0134578@$!", "oleastbasi")


def check_new_password(password: str, *names: str, field: str = "password") -> str:
    """The password unchanged, or raises Invalid(field). ``names``: of the person and the site."""
    validate.check_password(password, field)
    problem = _problem(_fold(password), [_fold(name) for name in names])
    if problem:
        raise Invalid(problem, field=field)
    return password


def _problem(password: str, names: list[str]) -> object:
    length = _period(password)
    if len(set(password)) < 4 or length < 4:
        return _l("This password only repeats itself. A few words in a row are better.")
    once = password[:length]
    for form in (once, once.translate(_LOOKS_LIKE)):
        if _left(form) < ENOUGH:
            return _l("Passwords like this are tried first. A few words in a row are better.")
        if _left(form, names) < ENOUGH:
            return _l("This password is little more than a name that everybody here knows.")
    return None


def _left(password: str, names: list[str] | None = None) -> int:
    """The number of characters left without names, common words, sequences and decoration."""
    words = [word for name in names or () for word in (name, name.translate(_LOOKS_LIKE))]
    for word in [*sorted(words, key=len, reverse=True), *WORDS]:
        if len(word) >= SHORTEST_NAME:
            password = password.replace(word, " ")
    rest = [ch for ch in _without_runs(password) if not ch.isspace()]
    letters = sum(ch.isalpha() for ch in rest)
    digits = sum(ch.isdigit() for ch in rest)
    signs = len(rest) - letters - digits
    return letters + max(0, digits - FREE_DIGITS) + max(0, signs - FREE_SIGNS)


def _without_runs(password: str) -> str:
    """The password without sequences (keyboard, alphabet, digits) and repeated characters."""
    inside: set[int] = set()
    for at in range(len(password) - RUN + 1):
        if password[at : at + RUN] in _RUNS:
            inside.update(range(at, at + RUN))
    kept = "".join(" " if at in inside else ch for at, ch in enumerate(password))
    return "".join(ch for ch, _same in groupby(kept))


def _period(password: str) -> int:
    """The length of the part that the password repeats; its own length if it repeats nothing."""
    length = len(password)
    for period in range(1, length // 2 + 1):
        if password.startswith(password[period:]):
            return period
    return length


def _fold(password: str) -> str:
    return validate.password_form(password).casefold().strip()
