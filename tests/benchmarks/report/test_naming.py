from __future__ import annotations

import dataclasses

from benchmarks.model import Run
from benchmarks.report.document import Column, Command, Note, Paragraph, Row, Section, Table, Verdict
from benchmarks.report.naming import Names

ID = "flask-async@hypercorn"
NAME = "Flask on Hypercorn, async def"


def test_a_text_has_the_name_for_the_id(run: Run) -> None:
    """Also in code that is the id alone; a longer id is not taken for a shorter one, and an option keeps its own."""
    names = Names(run)

    assert f"{NAME} and {NAME}: both." == names.text(f"{ID} and `{ID}`: both.")
    assert "Flask on Hypercorn + eventloop, async def" == names.text(f"{ID}+eventloop")
    assert "Flask on Hypercorn." == names.text("flask@hypercorn.")
    for kept in (f"add --contender {ID}", f"`lab compare -c {ID}`", f"me.{ID}.org", "nobody@nowhere"):
        assert kept == names.text(kept)


def test_a_run_without_names_for_its_ids_keeps_its_texts(run: Run) -> None:
    """As one of a program that has no name but its own."""
    plan = dataclasses.replace(run.plan, contenders=(), ceilings=())

    assert ID == Names(dataclasses.replace(run, plan=plan)).text(ID)


def test_every_block_has_names_and_what_is_to_be_copied_has_ids(run: Run) -> None:
    """The id stays as a hint of a row and of a verdict."""
    table = Table(
        caption=ID, columns=(Column(ID),), rows=(Row((ID,), group=ID), Row((Verdict(subject=ID, outcome="equal"),)))
    )
    blocks = (
        Paragraph(ID),
        Note(ID, advice=ID),
        Verdict(subject=f"`{ID}`", outcome="equal", sentence=ID, why=ID),
        Section(title=ID, blocks=(table,)),
        Command("Again", ID),
    )
    paragraph, note, verdict, section, command = Names(run).blocks(blocks)

    assert Paragraph(NAME) == paragraph
    assert Note(NAME, advice=NAME) == note
    assert Verdict(subject=NAME, outcome="equal", sentence=NAME, why=NAME, hint=ID) == verdict
    assert Command("Again", ID) == command
    named = Table(
        caption=NAME,
        columns=(Column(NAME),),
        rows=(
            Row((NAME,), group=NAME, hint=ID),
            Row((Verdict(subject=NAME, outcome="equal", hint=ID),)),
        ),
    )
    assert Section(title=NAME, blocks=(named,)) == section
