-- A version that a rebuild met after orders: of the customers after this one, questions are still due as without it;
-- null: of nobody.
alter table policies add column refold_after text;
