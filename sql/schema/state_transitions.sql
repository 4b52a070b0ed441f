-- Which state may follow which. The tables refuse every other change (triggers/refuse_illegal_transitions.sql).
create table mixpay.state_transitions (
    entity text not null,
    from_state text not null,
    to_state text not null,
    cause text not null,
    primary key (entity, from_state, to_state),
    constraint entity_is_known check (
        entity in (
            'trade', 'payment', 'refund', 'channel_refund', 'release', 'dispute', 'split', 'settlement', 'repayment',
            'return', 'chargeback', 'order', 'adjustment', 'channel_fee', 'channel_payout'
        )
    )
);

comment on table mixpay.state_transitions is 'The legal changes of state, as data.';
comment on column mixpay.state_transitions.from_state is 'Empty where the thing comes into being.';
comment on column mixpay.state_transitions.cause is 'What makes this change, in a few words.';

insert into mixpay.state_transitions (entity, from_state, to_state, cause) values
    ('trade', '', 'open', 'orders are merged'),
    ('trade', 'open', 'paid', 'nothing is lacking any more'),
    ('trade', 'open', 'closed', 'it is abandoned'),
    ('trade', 'open', 'open', 'an order is cancelled and others remain to be paid'),
    ('trade', 'closed', 'closed', 'what was kept goes back after all'),
    ('payment', '', 'pending', 'an attempt is started'),
    ('payment', '', 'succeeded', 'money that is already there is recorded'),
    ('payment', 'pending', 'succeeded', 'the money arrived'),
    ('payment', 'pending', 'failed', 'the channel refused'),
    ('payment', 'pending', 'closed', 'its trade was closed'),
    ('payment', 'failed', 'succeeded', 'the money arrived after all'),
    ('payment', 'closed', 'succeeded', 'the money arrived after all'),
    ('payment', 'succeeded', 'succeeded', 'the channel''s number came later'),
    ('refund', '', 'processing', 'money is to go back'),
    ('refund', '', 'succeeded', 'a person has paid it out already'),
    ('refund', 'processing', 'succeeded', 'every channel sent its part'),
    ('refund', 'processing', 'failed', 'no part is on its way and one did not get through'),
    ('refund', 'failed', 'succeeded', 'the part that did not get through was sent after all'),
    ('refund', 'failed', 'processing', 'the part that did not get through is sent again'),
    ('refund', 'succeeded', 'failed', 'a part came back'),
    ('channel_refund', '', 'pending', 'a channel is to send money back'),
    ('channel_refund', '', 'waiting', 'a person is to hand the money back'),
    ('channel_refund', '', 'succeeded', 'a person has handed the money back already'),
    ('channel_refund', 'waiting', 'sent', 'its moment came and a worker claimed it'),
    ('channel_refund', 'waiting', 'waiting', 'its channel still cannot send it'),
    ('channel_refund', 'waiting', 'succeeded', 'the money was handed back'),
    ('channel_refund', 'waiting', 'failed', 'the money cannot be handed back'),
    ('channel_refund', 'pending', 'sent', 'a worker claimed it'),
    ('channel_refund', 'pending', 'waiting', 'its channel cannot send it now, or a person is to send it'),
    ('channel_refund', 'pending', 'doubt', 'sent without a claim, and nobody knows what came of it'),
    ('channel_refund', 'pending', 'succeeded', 'sent without a claim, and the channel confirmed'),
    ('channel_refund', 'pending', 'failed', 'sent without a claim, and the channel refused'),
    ('channel_refund', 'sent', 'sent', 'its lease ended and a worker claimed it again'),
    ('channel_refund', 'sent', 'waiting', 'it was not sent: for a person, or for another moment'),
    ('channel_refund', 'sent', 'doubt', 'nobody knows what came of it'),
    ('channel_refund', 'sent', 'succeeded', 'the channel confirmed'),
    ('channel_refund', 'sent', 'failed', 'the channel refused'),
    ('channel_refund', 'doubt', 'sent', 'a worker claimed it again'),
    ('channel_refund', 'doubt', 'succeeded', 'the channel confirmed'),
    ('channel_refund', 'doubt', 'failed', 'the channel refused'),
    ('channel_refund', 'succeeded', 'succeeded', 'the channel''s number came later'),
    ('channel_refund', 'succeeded', 'bounced', 'the money came back'),
    ('channel_refund', 'bounced', 'bounced', 'the channel''s number came later'),
    ('channel_refund', 'bounced', 'succeeded', 'the channel sent it once more, and the amount was still free'),
    ('channel_refund', 'bounced', 'failed', 'it goes another way'),
    ('channel_refund', 'failed', 'failed', 'the channel''s number came later'),
    ('channel_refund', 'failed', 'succeeded', 'the channel had sent it after all, and the amount was still free'),
    ('release', '', 'released', 'held money is given to its payee'),
    ('dispute', '', 'open', 'somebody objects to the release'),
    ('dispute', 'open', 'closed', 'it was decided'),
    ('split', '', 'agreed', 'an order''s money is to be divided'),
    ('settlement', '', 'settled', 'what is payable is paid out'),
    ('settlement', 'settled', 'reversed', 'the payout failed'),
    ('repayment', '', 'recorded', 'money was brought in for an account');
