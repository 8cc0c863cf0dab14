from snellen.study.store.tokens import token_hash

from .acting import refused


def test_tokens_have_128_bits_and_are_not_kept(acting):
    begun = acting.begin()
    assert len(bytes.fromhex(begun.token)) == 16
    assert len(bytes.fromhex(begun.withdraw)) == 16
    acting.store.close()
    data = acting.study.database.read_bytes()
    for token in (begun.token, begun.withdraw):
        assert token.encode() not in data
        assert bytes.fromhex(token) not in data
        assert token_hash(token) in data


def test_ids_of_sessions_and_pictures_are_no_tokens(acting):
    begun = acting.begin()
    (session,) = acting.rows("SELECT id FROM session")[0]
    images = [image for (image,) in acting.rows("SELECT id FROM image")]
    assert len({session, begun.token, *images}) == 2 + len(images)
    refused("token", acting.session, session)
    refused("token", acting.session, images[0])
