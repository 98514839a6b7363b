from collections import Counter

from support.logs import new_ids
from support.simulators import get, running_simulator

from ingest.simulator.ownership import owner, sees


def test_each_id_belongs_to_one_account_of_several_and_any_other_key_sees_all():
    ids = new_ids(300)
    for accounts in (1, 2, 5):
        shares = Counter(owner(7, generation_id, accounts) for generation_id in ids)
        assert shares.keys() == set(range(1, accounts + 1))
        for generation_id in ids[:30]:
            seen = [
                n
                for n in range(1, accounts + 1)
                if sees(f"Bearer sk-or-v1-account-{n}-of-{accounts}", 7, generation_id)
            ]
            assert seen == [owner(7, generation_id, accounts)]
    assert sees("Bearer sk-or-v1-simulator", 7, ids[0])


def test_the_server_answers_404_to_the_key_of_another_account():
    [generation_id] = new_ids(1)
    with running_simulator("--seed", "0") as simulation:
        for number in (1, 2):
            status, _, body = get(simulation, f"/generation?id={generation_id}", f"sk-or-v1-account-{number}-of-2")
            is_owner = owner(0, generation_id, 2) == number
            assert status == (200 if is_owner else 404)
            assert is_owner or b"not found" in body
