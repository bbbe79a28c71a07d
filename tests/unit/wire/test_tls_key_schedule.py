"""The TLS 1.3 key schedule against the trace of RFC 8448 section 3 ("Simple 1-RTT Handshake"), octet by octet."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import x25519
from hypothesis import given
from hypothesis import strategies as st

from tr03108.wire.tls.client_hello import ClientHello, in_records
from tr03108.wire.tls.conversation import Conversation
from tr03108.wire.tls.key_schedule import SUITE_KEYS, KeySchedule, Protection, expand_label
from tr03108.wire.tls.key_share import SHAREABLE, key_share
from tr03108.wire.tls.server_messages import Ticket, parse_ticket

PRIVATE_KEY = bytes.fromhex("49af42ba7f7994852d713ef2784bcbcaa7911de26adc5642cb634540e7ea5005")
PUBLIC_KEY = bytes.fromhex("99381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c")
SERVERS_PUBLIC_KEY = bytes.fromhex("c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f")
SERVER_FINISHED = bytes.fromhex("140000209b9b141d906337fbd2cbdce71df4deda4ab42c309572cb7fffee5454b78f0718")
CLIENT_FINISHED = bytes.fromhex("14000020a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61")
CLIENT_HELLO = bytes.fromhex(
    """
    010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7000006130113031302010000910000000b00
    09000006736572766572ff01000100000a00140012001d0017001800190100010101020103010400230000003300260024001d002099381d
    e560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c002b0003020304000d0020001e0403050306030203080408050806
    04010501060102010402050206020202002d00020101001c00024001
    """
)
SERVER_HELLO = bytes.fromhex(
    """
    020000560303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e2692800130100002e00330024001d0020c9828876
    112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f002b00020304
    """
)
ENCRYPTED_EXTENSIONS = bytes.fromhex(
    """
    080000240022000a00140012001d00170018001901000101010201030104001c0002400100000000
    """
)
CERTIFICATE = bytes.fromhex(
    """
    0b0001b9000001b50001b0308201ac30820115a003020102020102300d06092a864886f70d01010b0500300e310c300a0603550403130372
    7361301e170d3136303733303031323335395a170d3236303733303031323335395a300e310c300a0603550403130372736130819f300d06
    092a864886f70d010101050003818d0030818902818100b4bb498f8279303d980836399b36c6988c0c68de55e1bdb826d3901a2461eafd2d
    e49a91d015abbc9a95137ace6c1af19eaa6af98c7ced43120998e187a80ee0ccb0524b1b018c3e0b63264d449a6d38e22a5fda4308467480
    30530ef0461c8ca9d9efbfae8ea6d1d03e2bd193eff0ab9a8002c47428a6d35a8d88d79f7f1e3f0203010001a31a301830090603551d1304
    023000300b0603551d0f0404030205a0300d06092a864886f70d01010b05000381810085aad2a0e5b9276b908c65f73a7267170618a54c5f
    8a7b337d2df7a594365417f2eae8f8a58c8f8172f9319cf36b7fd6c55b80f21a03015156726096fd335e5e67f2dbf102702e608ccae6bec1
    fc63a42a99be5c3eb7107c3c54e9b9eb2bd5203b1c3b84e0a8b2f759409ba3eac9d91d402dcc0cc8f8961229ac9187b42b4de10000
    """
)
CERTIFICATE_VERIFY = bytes.fromhex(
    """
    0f000084080400805a747c5d88fa9bd2e55ab085a61015b7211f824cd484145ab3ff52f1fda8477b0b7abc90db78e2d33a5c141a078653fa
    6bef780c5ea248eeaaa785c4f394cab6d30bbe8d4859ee511f602957b15411ac027671459e46445c9ea58c181e818e95b8c3fb0bf3278409
    d3be152a3da5043e063dda65cdf5aea20d53dfacd42f74f3
    """
)
TICKET = bytes.fromhex(
    """
    040000c90000001efad6aac502000000b22c035d829359ee5ff7af4ec900000000262a6494dc486d2c8a34cb33fa90bf1b0070ad3c498883
    c9367c09a2be785abc55cd226097a3a982117283f82a03a143efd3ff5dd36d64e861be7fd61d2827db279cce145077d454a3664d4e6da4d2
    9ee03725a6a4dafcd0fc67d2aea70529513e3da2677fa5906c5b3f7d8f92f228bda40dda721470f9fbf297b5aea617646fac5c03272e9707
    27c621a79141ef5f7de6505e5bfbc388e93343694093934ae4d3570008002a000400000400
    """
)
SERVER_FLIGHT_RECORD = bytes.fromhex(
    """
    17030302a2d1ff334a56f5bff6594a07cc87b580233f500f45e489e7f33af35edf7869fcf40aa40aa2b8ea73f848a7ca07612ef9f945cb96
    0b4068905123ea78b111b429ba9191cd05d2a389280f526134aadc7fc78c4b729df828b5ecf7b13bd9aefb0e57f271585b8ea9bb355c7c79
    020716cfb9b1183ef3ab20e37d57a6b9d7477609aee6e122a4cf51427325250c7d0e509289444c9b3a648f1d71035d2ed65b0e3cdd0cbae8
    bf2d0b227812cbb360987255cc744110c453baa4fcd610928d809810e4b7ed1a8fd991f06aa6248204797e36a6a73b70a2559c09ead68694
    5ba246ab66e5edd8044b4c6de3fcf2a89441ac66272fd8fb330ef8190579b3684596c960bd596eea520a56a8d650f563aad27409960dca63
    d3e688611ea5e22f4415cf9538d51a200c27034272968a264ed6540c84838d89f72c24461aad6d26f59ecaba9acbbb317b66d902f4f292a3
    6ac1b639c637ce343117b659622245317b49eeda0c6258f100d7d961ffb138647e92ea330faeea6dfa31c7a84dc3bd7e1b7a6c7178af3687
    9018e3f252107f243d243dc7339d5684c8b0378bf30244da8c87c843f5e56eb4c5e8280a2b48052cf93b16499a66db7cca71e4599426f7d4
    61e66f99882bd89fc50800becca62d6c74116dbd2972fda1fa80f85df881edbe5a37668936b335583b599186dc5c6918a396fa48a181d6b6
    fa4f9d62d513afbb992f2b992f67f8afe67f76913fa388cb5630c8ca01e0c65d11c66a1e2ac4c85977b7c7a6999bbf10dc35ae69f5515614
    636c0b9b68c19ed2e31c0b3b66763038ebba42f3b38edc0399f3a9f23faa63978c317fc9fa66a73f60f0504de93b5b845e275592c12335ee
    340bbc4fddd502784016e4b3be7ef04dda49f4b440a30cb5d2af939828fd4ae3794e44f94df5a631ede42c1719bfdabf0253fe5175be898e
    750edc53370d2b
    """
)
CLIENT_FINISHED_RECORD = bytes.fromhex(
    """
    170303003575ec4dc238cce60b298044a71e219c56cc77b0517fe9b93c7a4bfc44d87f38f80338ac98fc46deb384bd1caeacab6867d726c4
    0546
    """
)
TICKET_RECORD = bytes.fromhex(
    """
    17030300de3a6b8f90414a97d6959c3487680de5134a2b240e6cffac116e95d41d6af8f6b580dcf3d11d63c758db289a015940252f55713e
    061dc13e078891a38efbcf5753ad8ef170ad3c7353d16d9da773b9ca7f2b9fa1b6c0d4a3d03f75e09c30ba1e62972ac46f75f7b981be6343
    9b2999ce13064615139891d5e4c5b406f16e3fc181a77ca475840025db2f0a77f81b5ab05b94c01346755f69232c86519d86cbeeac87aac3
    47d143f9605d64f650db4d023e70e952ca49fe5137121c74bc2697687e248746d6df353005f3bce18696129c8153556b3b6c6779b37bf159
    85684f
    """
)
TRANSCRIPT = CLIENT_HELLO + SERVER_HELLO + ENCRYPTED_EXTENSIONS + CERTIFICATE + CERTIFICATE_VERIFY
CHANGE_CIPHER_SPEC = bytes.fromhex("140303000101")


class TraceShare:
    """The client's key of the trace."""

    public = PUBLIC_KEY

    def shared(self, peer: bytes) -> bytes:
        key = x25519.X25519PrivateKey.from_private_bytes(PRIVATE_KEY)
        return key.exchange(x25519.X25519PublicKey.from_public_bytes(peer))


class TraceHello(ClientHello):
    """The client's hello of the trace, whose extensions come in another order than ours."""

    __slots__ = ()

    def encode(self) -> bytes:
        return CLIENT_HELLO


def trace_conversation(farewell: bytes = b"") -> Conversation:
    hello = TraceHello(0x0303, (0x1301, 0x1303, 0x1302), bytes(32))
    return Conversation(hello, (29,), complete=True, farewell=farewell, make_share=lambda _: TraceShare())


def test_secrets() -> None:
    schedule = KeySchedule(0x1301)
    client, server = schedule.handshake(TraceShare().shared(SERVERS_PUBLIC_KEY), CLIENT_HELLO + SERVER_HELLO)
    assert client.hex() == "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21"
    assert server.hex() == "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38"
    assert schedule.finished(server, TRANSCRIPT) == SERVER_FINISHED[4:]
    assert schedule.finished(client, TRANSCRIPT + SERVER_FINISHED) == CLIENT_FINISHED[4:]
    client, server = schedule.application(TRANSCRIPT + SERVER_FINISHED)
    assert client.hex() == "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5"
    assert server.hex() == "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643"


@pytest.mark.parametrize(
    ("secret", "key", "iv"),
    [
        (
            "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
            "3fce516009c21727d0f2e4e86ee403bc",
            "5d313eb2671276ee13000b30",
        ),
        (
            "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
            "dbfaa693d1762c5b666af5d950258d01",
            "5bd3c71b836e0b76bb73265f",
        ),
        (
            "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
            "9f02283b6c9c07efc26bb9f2ac92e356",
            "cf782b88dd83549aadf1e984",
        ),
        (
            "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
            "17422dda596ed5d9acd890e3c63f5051",
            "5b78923dee08579033e523d9",
        ),
    ],
)
def test_keys_and_nonces(secret: str, key: str, iv: str) -> None:
    keys = SUITE_KEYS[0x1301]
    assert expand_label(keys, bytes.fromhex(secret), b"key", b"", 16).hex() == key
    assert expand_label(keys, bytes.fromhex(secret), b"iv", b"", 12).hex() == iv


def test_the_server_flight_opens() -> None:
    server = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    opened = Protection(SUITE_KEYS[0x1301], server).open(SERVER_FLIGHT_RECORD[:5], SERVER_FLIGHT_RECORD[5:])
    assert opened == (22, ENCRYPTED_EXTENSIONS + CERTIFICATE + CERTIFICATE_VERIFY + SERVER_FINISHED)


def test_the_whole_trace_as_a_conversation() -> None:
    conversation = trace_conversation(b"farewell")
    assert conversation.start() == in_records(CLIENT_HELLO, 0x0301)
    answer = conversation.feed(in_records(SERVER_HELLO, 0x0303) + SERVER_FLIGHT_RECORD)
    assert answer.startswith(CHANGE_CIPHER_SPEC + CLIENT_FINISHED_RECORD)
    assert len(answer) == len(CHANGE_CIPHER_SPEC + CLIENT_FINISHED_RECORD) + 5 + len(b"farewell") + 1 + 16
    assert (conversation.completed, conversation.done) == (True, False)
    assert conversation.feed(TICKET_RECORD) == b""
    assert conversation.received == [
        SERVER_HELLO,
        ENCRYPTED_EXTENSIONS,
        CERTIFICATE,
        CERTIFICATE_VERIFY,
        SERVER_FINISHED,
        TICKET,
    ]
    assert parse_ticket(TICKET[4:], 0x0304) == Ticket(30, 1024)


@pytest.mark.parametrize("place", [5, 300, len(SERVER_FLIGHT_RECORD) - 1])
def test_a_changed_octet_does_not_authenticate(place: int) -> None:
    changed = bytearray(SERVER_FLIGHT_RECORD)
    changed[place] ^= 1
    conversation = trace_conversation()
    conversation.start()
    assert conversation.feed(in_records(SERVER_HELLO, 0x0303) + bytes(changed)) == b""
    assert (conversation.ended, conversation.error) == ("garbage", "a record does not authenticate")
    assert (conversation.received, conversation.completed) == ([SERVER_HELLO], False)


@given(st.sampled_from(sorted(SUITE_KEYS)), st.integers(0, 255), st.binary(max_size=300), st.binary(max_size=64))
def test_what_is_sealed_opens_in_its_order_only(suite: int, kind: int, content: bytes, junk: bytes) -> None:
    keys = SUITE_KEYS[suite]
    secret = bytes(keys.hash().digest_size)
    writing, reading, late = (Protection(keys, secret) for _ in range(3))
    first, second = writing.seal(kind, content), writing.seal(kind, content)
    assert int.from_bytes(first[3:5], "big") == len(first) - 5
    late.open(junk[:5], junk[5:])
    for record in (first, second):
        opened = reading.open(record[:5], record[5:])
        # Zeros at the end are padding; a record of nothing but zeros says not even what it is.
        inner = (content + bytes((kind,))).rstrip(b"\x00")
        assert opened == ((inner[-1], inner[:-1]) if inner else None)
    assert late.open(first[:5], first[5:]) is None


@pytest.mark.parametrize("group", SHAREABLE)
def test_both_sides_of_a_share_agree(group: int) -> None:
    ours, theirs = key_share(group), key_share(group)
    assert ours.shared(theirs.public) == theirs.shared(ours.public)


@pytest.mark.parametrize("group", SHAREABLE)
def test_a_share_that_is_none(group: int) -> None:
    ours = key_share(group)
    for peer in (b"", b"\x04", b"\x00", bytes(len(ours.public)), ours.public[:-1], ours.public + b"\x00"):
        with pytest.raises(ValueError):
            ours.shared(peer)


@pytest.mark.parametrize("group", [23, 32])
def test_a_compressed_point_is_no_share(group: int) -> None:
    ours, public = key_share(group), key_share(group).public
    half = (len(public) - 1) // 2
    compressed = bytes((2 + (public[-1] & 1),)) + public[1 : 1 + half]
    with pytest.raises(ValueError, match="uncompressed"):
        ours.shared(compressed)


def test_no_share_for_other_groups() -> None:
    with pytest.raises(ValueError, match="4588"):
        key_share(4588)
