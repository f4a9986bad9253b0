"""Names of the columns of pieces in German, French, Spanish, Italian, Dutch and Portuguese, best first; as `SYNONYMS`, which they follow.

Left out are words that mean something else as often: `Artikel` (an article's number), `Beitrag` (a fee), `Zustand` and `état` (of goods).
"""

from __future__ import annotations

WORDS = {
    "text": "inhalt fließtext fliesstext volltext haupttext artikeltext beitragstext beitragsinhalt werbetext produkttext "
            "texte contenu corps corps_de_texte corps_du_texte texte_complet texto contenido cuerpo cuerpo_del_texto texto_completo "
            "testo contenuto corpo corpo_del_testo testo_completo tekst inhoud volledige_tekst hoofdtekst conteúdo conteudo corpo_do_texto",
    "title": "titel überschrift ueberschrift schlagzeile betreff produkttitel produktname bezeichnung "
             "titre intitulé intitule objet nom_du_produit nom título titulo titular encabezado asunto nombre_del_producto nombre "
             "titolo oggetto nome_del_prodotto nome_prodotto nome kop onderwerp productnaam naam manchete assunto nome_do_produto",
    "summary": "zusammenfassung kurzbeschreibung kurzfassung vorspann anrisstext auszug teaser beschreibung "
               "résumé resume chapô chapo chapeau extrait resumen extracto entradilla descripción descripcion "
               "riassunto sommario estratto occhiello descrizione samenvatting omschrijving beschrijving inleiding "
               "resumo sumário sumario descrição descricao",
    "category": "kategorie rubrik ressort thema kategorien themen schlagwort schlagworte schlagwörter stichworte "
                "catégorie rubrique thème thématique catégories étiquettes mots_clés "
                "categoría categoria sección seccion tema categorías categorias temas etiquetas "
                "rubrica sezione argomento categorie argomenti rubriek categorieën trefwoorden seção secao assuntos",
    "content_type": "inhaltstyp inhaltsart texttyp textart textsorte beitragstyp typ type_de_contenu type_de_texte "
                    "tipo_de_contenido tipo_di_contenuto tipo_de_conteúdo tipo_de_conteudo tipo formato contenttype inhoudstype soort",
    "author": "autor autorin verfasser verfasserin redakteur redakteurin autoren auteur auteure auteurs rédacteur rédactrice "
              "redacteur autora autores redactor autore autrice autori redattore schrijver",
    "date": "datum veröffentlicht_am veroeffentlicht_am veröffentlichungsdatum veroeffentlichungsdatum veröffentlicht erscheinungsdatum "
            "publiziert_am erstellt_am erstellt erstellungsdatum date_de_publication publié_le publie_le date_de_parution créé_le "
            "fecha fecha_de_publicación fecha_de_publicacion publicado_el creado_el data_di_pubblicazione pubblicato_il "
            "publicatiedatum gepubliceerd_op aangemaakt_op data_de_publicação data_de_publicacao publicado_em data",
    "approval": "freigabe freigabestatus freigegeben freigabestand statut statut_de_validation approbation validé "
                "aprobación aprobacion aprobado estado approvazione approvato stato goedkeuring goedgekeurd "
                "aprovação aprovacao aprovado",
    "language": "sprache langue idioma lengua lingua taal língua",
    "id": "kennung beitrags_id artikel_id artikelnummer artikelnr produkt_id identifiant référence reference_article identificador "
          "identificativo identificatiecode artikelcode",
}
# `data` is a date in Italian and Portuguese only: it is one beside a column whose name is of those languages.
ROMANCE = set("titolo testo contenuto categoria rubrica sezione autore stato sommario riassunto descrizione lingua título titulo texto "
              "conteúdo conteudo autor autora resumo descrição descricao língua idioma approvato aprovado tipo nome".split())
TAGS = {"tags", "categories", "topics", "kategorien", "themen", "schlagworte", "schlagwörter", "stichworte", "catégories", "étiquettes",
        "motsclés", "categorías", "categorias", "temas", "etiquetas", "argomenti", "categorieën", "trefwoorden", "assuntos"}
