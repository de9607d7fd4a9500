require_relative '../shop'

RSpec.describe 'tax' do
  it('is added') { expect(total([100], 0.19)).to eq 119 }
end
