"""Languages: who gets which, and that no sentence is missing."""

import re
from datetime import UTC, datetime

import pytest
from babel.dates import format_skeleton
from babel.messages.catalog import Catalog
from flask.testing import FlaskClient

from edge.languages import HTML_LANGUAGE, LANGUAGES, REVIEWED
from edge.page.camera import reason_words
from edge.page.trust import Role
from edge.page.words import CATALOGUES, Moments
from edge.status import CameraStatus
from tests.catalogues import forms, read, said, sentences, translated, with_other_values
from tests.page.scenes import Scene, seen, sighting, well
from tests.page.visitors import as_role

TRANSLATED = sorted(set(LANGUAGES) - {"en"})
SECOND_WORDS = {  # of the node, its board and settings, beside the word that a language has for them; nút is a button
    "es": r"\bnodos?\b|\bmedia por noche|de media\b",
    "fr": r"nœud|\bplanche|seuils? d’action",
    "hi": "नोड",
    "id": r"\bnode\b(?!\.toml)|ambang tindakan",
    "pt": r"\bnós?\b|definiç|ficheiro|câmara|\bquadro",
    "vi": r"\bnút\b",
    "zh": "节点|本机",  # 本机 is the phone that one reads it on
}
SET_RIGHT = [  # by native readers: each said something else than the English
    (
        "At most %(size)s MB. It stays on this node unless you ask the station.",  # was: on this phone, too
        {"zh": "最大 %(size)s MB。除非您咨询植保站，照片只留在田里的这台设备上。"},
    ),
    ("counted", {"zh": "设备计数"}),  # was: what is really there
    ("%(count)s on %(day)s", {"zh": "%(count)s（%(day)s）"}),  # was: 6月27日 7
    ("yesterday", {"hi": "बीते कल"}),  # कल is tomorrow too
    ("For the technician", {"zh": "供技术员使用"}),  # was: technicians' entrance, also above the cause of a fault
    ("%(name)s: %(count)s %(period)s", {"hi": "%(name)s: %(period)s %(count)s"}),  # was: 14 yesterday
    ("probably", {"zh": "很可能", "hi": "संभवतः", "id": "kemungkinan besar", "sw": "inaelekea ndivyo"}),  # was: perhaps
    (
        "Corners in percent of the picture, one a line: across, down",  # was: width, height
        {
            "es": "Esquinas en porcentaje de la imagen, una por línea: desde la izquierda, desde arriba",
            "fr": "Coins en pour cent de l’image, un par ligne\u00a0: depuis la gauche, depuis le haut",
            "pt": "Cantos em percentagem da imagem, um por linha: a partir da esquerda, a partir de cima",
            "sw": "Pembe kwa asilimia ya picha, moja kwa mstari: kutoka kushoto, kutoka juu",
        },
    ),
    ("night of %(day)s: no data yet", {"id": "%(day)s malam: belum ada data"}),  # was: the eve of that day
    ("night of %(day)s so far: %(count)s", {"id": "%(day)s malam sejauh ini: %(count)s"}),
    (
        "Caught two nights in a row since the evening of %(day)s.",
        {"id": "Tertangkap dua malam berturut-turut sejak %(day)s malam."},
    ),
    ("This photograph is no longer kept. Take it again.", {"sw": "Picha hii haihifadhiwi tena. Ipige tena."}),
    (
        "Large parts are black: turn the camera or give it light.",  # was: most of it
        {
            "zh": "有大片黑色区域：请转动摄像头或增加光线。",
            "id": "Ada bagian besar yang hitam: putar kamera atau beri cahaya.",
        },
    ),
    ("%(share)s %% of the picture are counted.", {"sw": "%(share)s%% ya picha inahesabiwa."}),  # was: per cent twice
    ("All pests", {"hi": "सभी हानिकारक कीट"}),  # was: all insects
    ("No pest seen since the start.", {"hi": "चालू होने के बाद कोई हानिकारक कीट नहीं दिखा।"}),
    ("No pest seen in the last 24 hours.", {"hi": "पिछले 24 घंटों में कोई हानिकारक कीट नहीं दिखा।"}),
    (
        "Plug in again the stick or cable that brings the pictures. If this stays, call your technician.",
        {
            "es": "Vuelva a conectar la memoria USB o el cable que trae las fotos. Si sigue igual, llame a su técnico.",
            "fr": "Rebranchez la clé USB ou le câble qui apporte les photos. "
            "Si cela persiste, appelez votre technicien.",
            "pt": "Conecte de novo o pen drive ou o cabo que traz as fotos. Se continuar, chame o seu técnico.",
            "vi": "Hãy cắm lại USB hoặc dây cáp đưa ảnh vào thiết bị. Nếu vẫn vậy, hãy gọi kỹ thuật viên.",
            "zh": "请重新插好传送照片的 U 盘或连接线。如果仍然这样，请联系技术员。",
        },
    ),
    (
        "Seconds between two looks",  # a look is no photograph
        {
            "es": "Segundos entre una revisión y otra",
            "fr": "Secondes entre deux examens",
            "pt": "Segundos entre um exame e outro",
        },
    ),
    ("no picture at all", {"fr": "pas des images"}),  # stands behind a colon or a number
    (
        "clearly recognised",  # stands behind names of either gender
        {"es": "identificación clara", "fr": "identification claire", "pt": "identificação clara"},
    ),
    (
        "%(name)s: new on the card",
        {
            "es": "Nuevo en la placa: %(name)s",
            "fr": "Nouveau sur la plaque\u00a0: %(name)s",
            "pt": "Novo na placa: %(name)s",
        },
    ),
    ("Good", {"es": "Bien", "fr": "Bien", "pt": "OK"}),  # of parts of either gender
    ("Stopped", {"es": "Se detuvo", "fr": "À l’arrêt", "pt": "Parou"}),
    ("Looked at", {"es": "Examinado"}),  # was: checked by a person
    (
        "It looks at the live picture. Framed: %(figure)s",  # was: look at it
        {
            "es": "El modelo mira la imagen en vivo. Enmarcados: %(figure)s",
            "pt": "O modelo olha a imagem ao vivo. Marcados: %(figure)s",
        },
    ),
    (
        "Nobody may change this node yet. Who has the code on its label becomes its technician.",  # was: that person's
        {
            "es": "Todavía nadie puede cambiar nada en este equipo. "
            "Quien tenga el código de la etiqueta será el técnico del equipo.",
            "fr": "Personne ne peut encore rien changer sur cet appareil. "
            "La personne qui a le code inscrit sur l’étiquette en devient le technicien.",
            "pt": "Ninguém pode ainda mudar nada neste aparelho. "
            "Quem tem o código da etiqueta se torna o técnico do aparelho.",
        },
    ),
    (
        "Write the number without a sign between thousands.",  # was: without plus or minus
        {
            "es": "Escriba el número sin punto, coma ni espacio entre los miles.",
            "fr": "Écrivez le nombre sans point, virgule ni espace entre les milliers.",
            "pt": "Escreva o número sem ponto, vírgula nem espaço entre os milhares.",
        },
    ),
    (
        "%(stage)s: reached on %(day)s",  # a stage's own word may be of either gender
        {
            "es": "%(stage)s: etapa alcanzada el %(day)s",
            "fr": "%(stage)s\u00a0: stade atteint le %(day)s",
            "pt": "%(stage)s: fase atingida em %(day)s",
        },
    ),
    (
        "%(crop)s: action level in reach",  # was: it can be reached, as by a swarm
        {
            "es": "%(crop)s: se puede comparar con un umbral de acción",
            "fr": "%(crop)s\u00a0: comparaison possible avec un seuil d’intervention",
            "pt": "%(crop)s: dá para comparar com um nível de ação",
            "hi": "%(crop)s: कार्रवाई स्तर से तुलना हो सकती है",
            "id": "%(crop)s: dapat dibandingkan dengan ambang kendali",
            "vi": "%(crop)s: so được với ngưỡng phòng trừ",
            "sw": "%(crop)s: hesabu zinaweza kulinganishwa na kiwango cha kuchukua hatua",
        },
    ),
    (
        "Is it done?",  # was: has the work been carried out; in Hindi: what has happened
        {"hi": "क्या पूरा हुआ?", "id": "Sudah selesai?", "vi": "Xong chưa?", "sw": "Imekamilika?"},
    ),
    (
        "Turn the lens until the picture is sharp, and have it remembered.",  # was: and remember it yourself
        {
            "zh": "请转动镜头直到画面清晰，然后让设备记住。",
            "pt": "Gire a lente até a imagem ficar nítida e salve o foco.",
            "vi": "Xoay ống kính đến khi hình nét rồi lưu lại.",
        },
    ),
    ("This day is still to come.", {"id": "Tanggal itu belum tiba."}),  # was: today
    ("reads", {"fr": "lecture seule"}),  # was: a bed
    ("The two clocks differ by %(time)s.", {"sw": "Saa hizi mbili zinatofautiana kwa %(time)s."}),  # was: eight o'clock
    ("Adults of the next generation", {"sw": "Wadudu waliokomaa wa kizazi kijacho"}),  # was: the large ones
    ("Most adults fly", {"sw": "Wengi wa wadudu waliokomaa wanaruka"}),  # was: many large ones
    (
        "Give this to %(name)s now; it is not shown again:",  # this was of another class than the password is
        {"sw": "Mpe %(name)s nenosiri hili sasa; halitaonyeshwa tena:"},
    ),
    ("Site", {"vi": "Điểm đặt"}),  # đổi điểm is to spend one's bonus points
    ("Claim this node", {"hi": "इस यंत्र को अपने नाम करें"}),  # was: before a court
    ("Keep these settings", {"hi": "ये सेटिंग सहेजें"}),  # was: leave them as they are
    (
        "The station cannot be asked now. Try again once the node has reached it.",  # was: has travelled there
        {"hi": "अभी केंद्र से नहीं पूछा जा सकता। यंत्र का केंद्र से संपर्क होने पर फिर कोशिश करें।"},
    ),
]


@pytest.fixture(scope="module")
def wanted() -> set[str]:
    return sentences("edge/page", "babel.cfg")


def catalogue(language: str) -> Catalog:
    return read(CATALOGUES, language)


def test_no_sentence_is_missing_unsure_or_left_over_in_chinese(wanted: set[str]) -> None:
    assert len(wanted) > 100
    assert said(catalogue("zh")) == translated(catalogue("zh")) == wanted


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_keep_the_values_of_their_sentence(language: str) -> None:
    assert with_other_values(catalogue(language)) == []


@pytest.mark.parametrize("language", sorted(SECOND_WORDS))
def test_one_thing_has_one_word(language: str) -> None:
    second = re.compile(SECOND_WORDS[language], re.IGNORECASE)
    for message in catalogue(language):
        assert not any(second.search(form) for form in forms(message.string)), message.id


def test_where_chinese_says_memory_card_english_says_no_card_that_may_be_the_sticky_one() -> None:
    said = [str(message.id) for message in catalogue("zh") if "存储卡" in str(message.string)]
    assert [sentence for sentence in said if not re.search("memory card", sentence, re.IGNORECASE)] == []


@pytest.mark.parametrize(
    ("language", "term"), [("es", "tarjeta de memoria"), ("fr", "carte mémoire"), ("pt", "cartão de memória")]
)
def test_the_memory_card_has_its_whole_name_where_there_are_sticky_cards_too(language: str, term: str) -> None:
    said = {str(message.id): str(message.string) for message in catalogue(language) if "memory card" in message.id}
    assert {english: words for english, words in said.items() if term not in words.lower()} == {}


@pytest.mark.parametrize(("text", "wanted"), SET_RIGHT, ids=[text for text, _ in SET_RIGHT])
def test_what_native_readers_set_right_stays(text: str, wanted: dict[str, str]) -> None:
    assert {language: catalogue(language)[text].string for language in wanted} == wanted


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_month_cut_short_ends_no_sentence_with_two_stops(language: str) -> None:
    days = [format_skeleton("MMMd", datetime(2026, month, 9, tzinfo=UTC), locale=language) for month in range(1, 13)]
    for message in catalogue(language):
        for form in forms(message.string):
            assert not any(".." in form.replace("%(day)s", day) for day in days), form


def test_an_hour_stands_in_hindi_where_it_need_not_be_bent() -> None:
    """`1 घंटा` is घंटे before a postposition, and Babel gives the one form only."""
    for message in catalogue("hi"):
        assert not any(re.search(r"%\(time\)s (में|तक|से|का|बाद)", form) for form in forms(message.string)), message.id


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Seen 19 hours ago: Jun 30, 9:30"),
        ("es", "Visto hace 19 horas: 30 jun, 21:30"),  # not "a las 30 jun"
        ("fr", "Vu il y a 19 heures\u00a0: 30 juin, 21:30"),
        ("hi", "19 घंटे पहले दिखा: 30 जून, 9:30"),
        ("zh", "19小时前发现：6月30日 21:30"),
    ],
)
def test_when_something_was_seen_reads_with_a_date_as_with_a_time(
    language: str, said: str, client: FlaskClient, scene: Scene
) -> None:
    well(scene)
    scene.store.commit([sighting(scene.before(hours=19))])
    assert said in client.get(f"/?lang={language}").text


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("es", "Las últimas fotos no se pudieron usar: llegadas demasiado tarde."),
        ("fr", "Les dernières photos n’ont pas pu être utilisées\u00a0: arrivées trop tard."),
        ("hi", "आख़िरी फ़ोटो काम की नहीं थीं: बहुत देर से आईं।"),
        ("pt", "As últimas fotos não puderam ser usadas: chegadas tarde demais."),
        ("sw", "Picha za mwisho hazikuweza kutumika: zimechelewa mno."),
    ],
)
def test_a_reason_why_pictures_were_not_used_agrees_with_its_sentence(
    language: str, said: str, client: FlaskClient, scene: Scene
) -> None:
    scene.board.show(camera=CameraStatus(skipped={"too_late": 2}, last_skip="too_late"))
    assert said in client.get(f"/?lang={language}").text


@pytest.mark.parametrize("language", ["es", "fr", "pt"])
def test_no_reason_why_pictures_were_not_used_speaks_of_one_picture(language: str) -> None:
    """A picture is feminine in these: una foto, une image, uma foto."""
    said = [str(catalogue(language)[reason].string) for reason in reason_words().values()]
    assert [words for words in said if re.search(r"\bun[ae]\b|\buma\b", words)] == []


@pytest.mark.parametrize(
    ("utc", "said"),
    [
        (datetime(2026, 1, 1, 9, 5, tzinfo=UTC), "9:05\u202fAM"),
        (datetime(2026, 3, 3, 9, 5, tzinfo=UTC), "Mar 3, 9:05\u202fAM"),
        (datetime(2025, 12, 31, 9, 5, tzinfo=UTC), "Dec 31, 2025, 9:05\u202fAM"),
    ],
)
def test_a_moment_of_another_year_says_which(utc: datetime, said: str) -> None:
    assert Moments(datetime(2026, 1, 1, 12, tzinfo=UTC), UTC).at(utc) == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_is_spoken_and_a_machines_words_say_so(language: str, client: FlaskClient, scene: Scene) -> None:
    seen(scene)
    page = client.get(f"/?lang={language}").text
    assert f'<html lang="{HTML_LANGUAGE[language]}">' in page
    assert ("Go and look at the plants" in page) == (language == "en"), f"translate it in {CATALOGUES / language}"
    assert ('class="soft foot"' in page) == (language not in REVIEWED)


@pytest.mark.parametrize(
    ("address", "headers", "expected"),
    [
        ("/", {}, "en"),
        ("/", {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}, "zh-Hans"),
        ("/", {"Accept-Language": "ja,de;q=0.5"}, "en"),
        ("/", {"Accept-Language": "zh-CN,en;q=0.5"}, "zh-Hans"),
        ("/", {"Accept-Language": "en;q=0.5,de,pt-BR;q=0.8"}, "pt"),
        ("/", {"Accept-Language": "de,fr;q=0"}, "en"),
        ("/", {"Accept-Language": "sw-KE,de;q=0.5"}, "sw"),
        ("/", {"Accept-Language": "in-ID,en-US;q=0.8"}, "id"),  # an older Android
        ("/", {"Accept-Language": "es-419,es;q=0.9,en;q=0.8"}, "es"),  # of Latin America
        ("/?lang=zh", {"Accept-Language": "en"}, "zh-Hans"),
        ("/?lang=xx", {"Accept-Language": "zh"}, "zh-Hans"),
    ],
)
def test_the_address_comes_before_the_phone_before_the_node(
    address: str, headers: dict[str, str], expected: str, client: FlaskClient
) -> None:
    assert f'<html lang="{expected}">' in client.get(address, headers=headers).text


def test_a_language_once_chosen_is_remembered(client: FlaskClient) -> None:
    client.get("/?lang=zh")
    assert '<html lang="zh-Hans">' in client.get("/node").text


def test_an_earlier_choice_comes_before_the_phone_and_after_the_address(client: FlaskClient) -> None:
    client.set_cookie("lang", "zh")
    assert '<html lang="zh-Hans">' in client.get("/", headers={"Accept-Language": "en"}).text
    assert '<html lang="en">' in client.get("/?lang=en").text


def test_an_unknown_language_is_not_remembered(client: FlaskClient) -> None:
    assert "Set-Cookie" not in client.get("/?lang=%0d%0aSet-Cookie:x").headers


def test_chinese_readers_get_chinese_names_dates_and_times(client: FlaskClient, scene: Scene) -> None:
    seen(scene)
    page = client.get("/?lang=zh").text
    assert "褐飞虱：5" in page
    assert "12分钟前" in page
    assert "6月18日" in page
    assert "16:18" in page


@pytest.mark.parametrize("address", ["/set-up/clock", "/set-up/server"])
def test_no_half_width_sign_stands_behind_a_chinese_word(address: str, client: FlaskClient, scene: Scene) -> None:
    page = as_role(client, scene, Role.TECHNICIAN).get(f"{address}?lang=zh").text
    assert re.findall(r"[\u4e00-\u9fff][,:;!?]", page) == []


def test_times_are_those_of_the_place_where_the_node_stands(client: FlaskClient, scene: Scene) -> None:
    seen(scene)  # 08:18 UTC
    assert "4:18" in client.get("/").text


def test_every_language_of_the_menu_has_a_catalogue_or_is_the_source() -> None:
    assert {path.name for path in CATALOGUES.iterdir()} | {"en"} == set(LANGUAGES)
