/* What a box's keeper logs about its child: the keeper writes these words, and doctor looks for them in the journal. */
#ifndef LB_MODEL_KEEPER_WORDS_H
#define LB_MODEL_KEEPER_WORDS_H

/* Each is in a line that says that a child ended, and not why. */
#define KEEPER_SAYS_ENDED "the child ended with status"
#define KEEPER_SAYS_AGAIN "children in a row ended at their start"

#endif
