-- People's names without the blanks at their ends, as they log in now. Of those that differ by blanks alone the one with the
-- fewest stays; one of blanks alone would log in without a name.
DELETE FROM person WHERE btrim(name, U&' \00a0\3000') = '' OR EXISTS (
    SELECT FROM person other WHERE btrim(other.name, U&' \00a0\3000') = btrim(person.name, U&' \00a0\3000')
        AND (length(other.name), other.name) < (length(person.name), person.name));
UPDATE person SET name = btrim(name, U&' \00a0\3000') WHERE name <> btrim(name, U&' \00a0\3000');
